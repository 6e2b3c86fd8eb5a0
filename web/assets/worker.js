// The page's worker: loads the player and hands it what the page sends. The names of the player's two files stand in this
// script's own address (see boot.js), since they change with their content.

const names = new URL(self.location).searchParams;
const early = [];
let take = (bytes) => early.push(bytes);
self.onmessage = (event) => take(event.data);

const player = await import(names.get("script"));
await player.default({ module_or_path: new URL(names.get("wasm"), self.location) });
take = (message) => {
  if (message instanceof Uint8Array) return player.take(message);
  // Asked by scripts beside the page: {ask, name, args}.
  try {
    self.postMessage({ answer: message.ask, value: player[message.name](...message.args) });
  } catch (error) {
    self.postMessage({ answer: message.ask, error: String(error) });
    throw error;
  }
};
for (const bytes of early.splice(0)) take(bytes);
