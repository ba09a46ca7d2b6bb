// What the keyboard means to a widget, and to the notebook that it may stand in.

const OWN = /^(Arrow(Up|Down|Left|Right)|Page(Up|Down)|Home|End| )$/;

// The keys that work the controls within `root` stay there: a notebook would leave the cell at them.
export function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && OWN.test(event.key)) event.stopPropagation();
  });
}
