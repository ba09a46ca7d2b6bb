// In a running notebook: Python sends the images that are looked at and keeps the masks that are painted.
export default {
  async render({ model, el }) {
    const root = element("div", { class: "ldl-widget ldl-live" });
    el.append(root);
    const asked = new Map();
    let view = null;
    model.on("msg:custom", (told) => {
      const waiting = asked.get(told.number);
      asked.delete(told.number);
      if (waiting) waiting(told);
      else if ("saved" in told) view?.say(told.saved);
    });
    const read = (number) => new Promise((done) => {
      asked.set(number, done);
      model.send({ number });
    });
    const painted = model.get("editable") ? (number, mask) => model.send({ number, mask }) : null;
    view = await mountMasks(root, JSON.parse(model.get("given")), () => {}, read, painted);
    return () => view.close();
  },
};
