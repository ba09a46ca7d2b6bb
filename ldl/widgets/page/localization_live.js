// In a running notebook (anywidget): the same widget, its state shared with Python.
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export default {
  async render({ model, el }) {
    const root = element("div", { class: "ldl-widget ldl-live" });
    el.append(root);
    const given = JSON.parse(model.get("given"));
    const [{ images, variants }] = given.scenes;
    const labels = variants.map((one) => one.label);
    const told = ({ point, window, variantName, answers }) => {
      const found = answers.map((answer, k) => ({
        query: images[k + 1].name,
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
