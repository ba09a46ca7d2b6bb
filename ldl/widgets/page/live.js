
// In a running notebook (anywidget): the same widget, its state shared with Python.
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export default {
  async render({ model, el }) {
    const root = document.createElement("div");
    root.className = "ldl-widget ldl-live";
    el.append(root);
    const given = JSON.parse(model.get("given"));
    const labels = given.scenes[0].variants.map((one) => one.label);
    const told = ({ point, window, variantName, answers }) => {
      const names = given.scenes[0].images.slice(1).map((image) => image.name);
      const found = answers.map((answer, k) => ({
        query: names[k],
        status: answer.status,
        point: answer.status === "found" ? answer.point : null,
        guess: answer.point,
        similarity: answer.top,
        sharpness: answer.sharpness,
      }));
      for (const [name, value] of Object.entries({ point, window, variant: variantName, found })) {
        if (!same(model.get(name), value)) model.set(name, value);
      }
      model.save_changes();
    };
    const wish = () => ({
      point: model.get("point"), window: model.get("window"), variant: labels.indexOf(model.get("variant")),
    });
    const view = await mountLocalization(root, given, told, wish());
    const follow = () => same(wish(), view.state()) || view.set(wish());
    for (const name of ["point", "window", "variant"]) model.on(`change:${name}`, follow);
    return () => view.close();
  },
};
