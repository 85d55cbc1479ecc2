/** Lets the event loop handle what waits. Browsers have no `setImmediate`. */
export function nextLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
