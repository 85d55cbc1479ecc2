// Preloaded into vitest by scripts/sanitize.sh: its workers, which load the addon, start through the program of this variable
// (valgrind, which runs Node), and may take as long as that takes.
process.execPath = process.env.CANDLE_EMBED_TEST_WORKER;

const { setTimeout } = globalThis;
const patient = (callback, delay, ...args) =>
  setTimeout(callback, delay >= 60_000 ? delay * 30 : delay, ...args);
globalThis.setTimeout = Object.defineProperties(patient, Object.getOwnPropertyDescriptors(setTimeout));
