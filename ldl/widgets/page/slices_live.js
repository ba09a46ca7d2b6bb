// In a running notebook: any volume of a bank; Python sends the slices that are looked at.
export default {
  async render({ model, el }) {
    const root = element("div", { class: "ldl-widget" });
    const options = model.get("volumes").map((name) => element("option", { value: name }, name));
    const volume = element("select", { onchange: () => { model.set("volume", volume.value); model.save_changes(); } }, ...options);
    el.classList.add("ldl-live");
    el.append(element("label", { class: "ldl-volume" }, "Volume ", volume), root);
    keepKeys(volume);

    let kept = new Map(); // z -> a promise of its layers, of the volume in sight
    const asked = new Map();
    const slice = (z) => {
      if (!kept.has(z)) {
        kept.set(z, new Promise((done) => asked.set(`${model.get("volume")} ${z}`, done)));
        model.send({ volume: model.get("volume"), z });
      }
      return kept.get(z);
    };
    model.on("msg:custom", (told, buffers) => {
      const whole = buffers.map((one) => new Uint8Array(one.buffer ?? one, one.byteOffset ?? 0, one.byteLength).slice().buffer);
      const layers = Object.fromEntries(told.layers.map((name, k) => [name, asLayer(name, whole[k])]));
      asked.get(`${told.volume} ${told.z}`)?.(layers);
    });

    let view = null;
    const open = async () => {
      view?.close();
      kept = new Map();
      volume.value = model.get("volume");
      view = await mountSlices(root, JSON.parse(model.get("given")), () => {}, slice);
    };
    model.on("change:given", open);
    await open();
    return () => view.close();
  },
};
