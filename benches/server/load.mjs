import { HttpConnection } from "./http-connection.mjs";

/**
 * @typedef {object} Load
 * @property {string} host
 * @property {number} port
 * @property {readonly Buffer[]} requests sent one after the other, then from the start again
 * @property {number} seconds in which requests are due
 * @property {number} connections at most so many at once
 * @property {number} [rate] requests a second; without it each connection sends its next when it has an answer
 * @property {number} [pause] milliseconds between an answer and the next request, without a rate
 * @property {number} [settle] seconds at the start that `settled` leaves out
 * @property {number} [keepAnswers] so many of the first answers are kept
 * @property {number} [seed] of the arrivals
 * @property {boolean} [stopAfterFailure] a connection that failed is not replaced, without a rate
 */

/** A request that is due: when, by the clock of `performance.now()`, and when it had been handed to the system. */
class Request {
  written = 0;

  constructor(index, due) {
    this.index = index;
    this.due = due;
  }
}

/** How long answers may take after the last request was due. */
const DRAIN_MS = 30_000;

/**
 * Sends requests and waits for all answers.
 *
 * With a rate the arrivals are a Poisson process that was fixed beforehand: a server that falls behind gets no fewer
 * requests, and each one's latency counts from the moment it was due, not from when it could be sent.
 *
 * @param {Load} load
 */
export async function runLoad(load) {
  const { requests, seconds, connections: limit, settle = 0, keepAnswers = 0, pause = 0 } = load;
  const arrivals = load.rate === undefined ? undefined : poisson(load.rate, seconds, load.seed ?? 1);
  const idle = [];
  const open = new Set();
  const waiting = [];
  const latencies = { all: [], byStatus: new Map() };
  const lags = [];
  const settled = [];
  const failures = { refused: 0, reset: 0 };
  const lost = [];
  const answers = [];
  let [next, outstanding, lastAnswer] = [0, 0, 0];
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + seconds * 1000;

  const dispatch = (request) => {
    const connection = idle.pop() ?? (open.size < limit ? connect() : undefined);
    if (connection === undefined) return void waiting.push(request);
    lags.push(performance.now() - request.due);
    connection.send(requests[request.index % requests.length], (failure, answer) => {
      outstanding--;
      lastAnswer = performance.now();
      if (failure === undefined) count(request, answer);
      else fail(request, failure);
      if (!connection.closed) idle.push(connection);
      const queued = waiting.shift();
      if (queued !== undefined) dispatch(queued);
      else if (arrivals === undefined && (failure === undefined || !load.stopAfterFailure)) sendNext();
      finishIfDone();
    });
    request.written = performance.now();
  };
  const connect = () => {
    const { host, port } = load;
    const onClosed = (connection) => {
      open.delete(connection);
      const place = idle.indexOf(connection);
      if (place !== -1) idle.splice(place, 1);
      // Its place is free for a request that waits for one.
      const queued = waiting.shift();
      if (queued !== undefined) dispatch(queued);
    };
    const connection = new HttpConnection({ host, port, onClosed });
    open.add(connection);
    return connection;
  };
  const count = (request, { status, body }) => {
    let times = latencies.byStatus.get(status);
    if (times === undefined) latencies.byStatus.set(status, (times = []));
    times.push(lastAnswer - request.due);
    if (status === 200 && request.due >= start + settle * 1000) settled.push(lastAnswer - request.due);
    if (answers.length < keepAnswers) answers.push({ index: request.index, status, body: body.toString() });
  };
  const fail = (request, failure) => {
    failures[failure]++;
    // By the clock that processes share.
    if (failure === "reset") lost.push(performance.timeOrigin + request.written);
  };
  const emit = (due) => {
    outstanding++;
    dispatch(new Request(next++, due));
  };
  const sendNext = () => {
    if (pause === 0) {
      if (performance.now() < end) emit(performance.now());
    } else {
      setTimeout(() => (performance.now() < end ? emit(performance.now()) : finishIfDone()), pause);
    }
  };
  const done = () =>
    arrivals === undefined ? performance.now() >= end || stopped() : next === arrivals.length;
  const stopped = () => load.stopAfterFailure && failures.refused + failures.reset > 0;
  const finishIfDone = () => {
    if (outstanding === 0 && done()) finish();
  };
  const tick = () => {
    const now = performance.now();
    while (next < arrivals.length && start + arrivals[next] <= now) emit(start + arrivals[next]);
    if (next < arrivals.length) setTimeout(tick, Math.max(0, start + arrivals[next] - performance.now()));
  };

  if (arrivals === undefined) for (let i = 0; i < limit; i++) emit(start);
  else tick();
  const deadline = setTimeout(() => finish(), seconds * 1000 + DRAIN_MS);
  const atEnd = setTimeout(finishIfDone, seconds * 1000 + 1);
  await finished;
  clearTimeout(deadline);
  clearTimeout(atEnd);
  const used = process.cpuUsage(cpu);
  for (const connection of open) connection.destroy();
  return {
    sent: next,
    seconds: (lastAnswer - start) / 1000,
    byStatus: latencies.byStatus,
    settled,
    failures,
    unanswered: outstanding,
    lost,
    lags,
    answers,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

/** Milliseconds of arrivals that know nothing of each other, the same ones for a seed. */
function poisson(rate, seconds, seed) {
  const random = randomNumbers(seed);
  const arrivals = [];
  for (let at = 0; ;) {
    at += (-Math.log(1 - random()) / rate) * 1000;
    if (at >= seconds * 1000) return arrivals;
    arrivals.push(at);
  }
}

/** Numbers from 0 to 1, reproducible: mulberry32. */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
