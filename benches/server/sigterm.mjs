import { header, number, origin, table, write } from "../lib/report.mjs";
import { quantile } from "../lib/stats.mjs";
import { randomNumbers } from "./load.mjs";
import { candleEmbed, RunningServer } from "./servers.mjs";
import { bodiesFile, Generator, modelName } from "./setup.mjs";
import { readTexts } from "../lib/workloads.mjs";

const CONNECTIONS = 16;

/** SIGTERM under load, again and again: every request that was out before the signal has to be answered. */
export async function sigterm(options) {
  const rounds = options.rounds ?? (options.quick ? 2 : 50);
  const texts = readTexts(options.data, "short");
  const random = randomNumbers(3);
  const generator = new Generator();
  const results = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const server = await RunningServer.start(candleEmbed("int8"), options);
      const model = await modelName(server);
      // Every other round with texts that take long enough to be under way for sure.
      const perRequest = round % 2 === 0 ? 1 : 64;
      const bodies = bodiesFile(texts, { perRequest, model, format: "base64" });
      const load = { connections: CONNECTIONS, seconds: 4, stopAfterFailure: true };
      const pending = generator.load(server, bodies, load);
      await new Promise((resolve) => setTimeout(resolve, 300 + 700 * random()));
      const signalled = performance.timeOrigin + performance.now();
      server.child.kill("SIGTERM");
      const { code, signal } = await server.exited;
      const exitMs = performance.timeOrigin + performance.now() - signalled;
      const { statuses, failures, lost, unanswered } = await pending;
      results.push({
        perRequest,
        statuses,
        // A request may meet the closing of an idle connection; its client cannot know.
        lostBefore: lost.filter((sentAt) => sentAt < signalled).length + unanswered,
        lostAfter: lost.filter((sentAt) => sentAt >= signalled).length,
        refused: failures.refused,
        unanswered,
        // When the lost ones were sent, in milliseconds after the signal.
        lostAt: lost.map((sentAt) => sentAt - signalled),
        exit: code ?? signal,
        exitMs,
      });
    }
  } finally {
    await generator.close();
  }
  const sum = (pick) => results.reduce((total, result) => total + pick(result), 0);
  const exits = [...new Set(results.map(({ exit }) => exit))];
  const count = (status) => sum(({ statuses }) => statuses[status] ?? 0);
  const data = { ...header("server sigterm", options), connections: CONNECTIONS, results };
  const body = [
    `## ${rounds} times SIGTERM under load of ${CONNECTIONS} connections`,
    origin(options.machine, { ...options, model: options.model.name }),
    table(
      ["what", "how often"],
      [
        ["answered with 200", String(count(200))],
        ["answered with 503 (came while the server drained)", String(count(503))],
        [
          "answered otherwise",
          String(
            sum(({ statuses }) => Object.values(statuses).reduce((a, b) => a + b, 0)) -
              count(200) -
              count(503),
          ),
        ],
        ["sent before the signal and not answered", String(sum(({ lostBefore }) => lostBefore))],
        ["sent after the signal and not answered", String(sum(({ lostAfter }) => lostAfter))],
        ["connections refused after it", String(sum(({ refused }) => refused))],
        ["exit", exits.join(", ")],
        [
          "from the signal to the exit, ms: median, most",
          [0.5, 1]
            .map((share) =>
              number(
                quantile(
                  results.map(({ exitMs }) => exitMs),
                  share,
                ),
              ),
            )
            .join(", "),
        ],
      ],
    ),
  ].join("\n\n");
  write(options.out, "server-sigterm", data, body);
}
