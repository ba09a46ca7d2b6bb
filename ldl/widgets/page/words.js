// What the maps say, in words.

const number = (value, digits = 1) => value.toFixed(digits).replace("-", "−");

export function where(point) {
  return `row ${number(point[0])}, column ${number(point[1])}`;
}

const WHY = {
  found: () => "",
  ambiguous: () => "a second place is nearly as similar",
  flat: (answer, rule) => {
    if (answer.blank) return "the image is blank";
    if (answer.rise < rule.leastRise) return "no place stands out";
    return `the best region is as large as ${number(answer.windows)} windows`;
  },
  absent: () => "no place is similar",
};
const VERDICT = { found: "Found", ambiguous: "Ambiguous", flat: "Flat map", absent: "Not there" };

export function verdict(answer) {
  return VERDICT[answer.status];
}

// One query's answer; `miss` is its distance from the true place in pixels, if that is known.
export function answerWords(answer, rule, miss, landmark, window) {
  const why = WHY[answer.status](answer, rule);
  const place = `${why ? `${why}; a guess is ` : "at "}${where(answer.point)}`;
  const scores = `similarity ${number(answer.top, 2)}, sharpness ${number(answer.sharpness, 2)}`;
  const truth =
    miss === null ? "" : `; ${number(miss)} px (${number(miss / window, 2)} windows) from the true ${landmark}`;
  return `${place} (${scores})${truth}`;
}

export function summary(answers, variant, point, window) {
  const found = answers.filter((answer) => answer.status === "found").length;
  return (
    `${variant}, window ${number(window, 0)} px, point at ${where(point)}: ` +
    `found in ${found} of ${answers.length} queries.`
  );
}
