// The view in a notebook: it asks the kernel. What the other files hold stands before this.

export default {
  render({ model, el }) {
    const asked = new Map();
    let number = 0;
    const answer = (message) => {
      asked.get(message.number)?.(message.state);
      asked.delete(message.number);
    };
    model.on("msg:custom", answer);
    const ask = (command) =>
      new Promise((resolve, reject) => {
        number += 1;
        asked.set(number, resolve);
        model.send({ number, command });
        setTimeout(() => reject(new Error("the kernel does not answer")), 10000);
      });
    const root = document.createElement("div");
    root.className = "sq-play";
    // A notebook has keys of its own: those pressed in here are not meant for it.
    root.addEventListener("keydown", (event) => event.stopPropagation());
    el.append(root);
    const view = mount(root, ask, false);
    return () => {
      view.stop();
      model.off("msg:custom", answer);
    };
  },
};
