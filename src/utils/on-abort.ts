interface SharedListener {
  readonly callbacks: Set<() => void>;
  readonly fire: () => void;
}

const shared = new WeakMap<AbortSignal, SharedListener>();

/**
 * Calls `callback` once when `signal` fires; the function returned takes it back. However many calls share a signal, it
 * gets a single event listener: Node warns of a leak from the eleventh on.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, fire } = shared.get(signal) ?? share(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener("abort", fire);
    shared.delete(signal);
  };
}

function share(signal: AbortSignal): SharedListener {
  const callbacks = new Set<() => void>();
  const fire = (): void => {
    for (const callback of callbacks) callback();
  };
  const listener = { callbacks, fire };
  shared.set(signal, listener);
  signal.addEventListener("abort", fire, { once: true });
  return listener;
}
