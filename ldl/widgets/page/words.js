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

// One query's answer in two lines; `miss` is its distance from the true place, if that is known.
export function answerWords(answer, rule, miss, landmark) {
  const why = WHY[answer.status](answer, rule);
  const place = why ? `: ${why}. Guess: ${where(answer.point)}.` : ` at ${where(answer.point)}.`;
  const scores = `Similarity ${number(answer.top, 2)}, sharpness ${number(answer.sharpness, 2)}`;
  const far = miss === null ? "" : `; ${number(miss)} px (${number(miss / answer.window[0], 1)} windows) from the ${landmark}`;
  return { place, scores: `${scores}${far}.` };
}

export function summary(answers, variant, point, window) {
  const found = answers.filter((answer) => answer.status === "found").length;
  return (
    `${variant}, window ${number(window, 0)} px, point at ${where(point)}: ` +
    `found in ${found} of ${answers.length} queries.`
  );
}
