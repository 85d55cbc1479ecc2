// node enqueue.mjs CORPUS OUTPUT_FOLDER SHARDS [options of "candle-embed embed" ...]
//
// Puts one job for each part of a corpus into the queue. Doing it twice adds nothing: a job is known by its name.
import path from "node:path";

import { Queue } from "bullmq";

import { connection, queueName } from "./connection.mjs";

const [file, folder, count, ...options] = process.argv.slice(2);
if (folder === undefined || !(Number(count) > 0)) {
  console.error("usage: node enqueue.mjs CORPUS OUTPUT_FOLDER SHARDS [options of candle-embed embed ...]");
  process.exit(2);
}
const queue = new Queue(queueName, { connection });
const digits = String(Number(count) - 1).length;
await queue.addBulk(
  Array.from({ length: Number(count) }, (_, index) => {
    const output = path.resolve(folder, `part-${String(index).padStart(digits, "0")}.jsonl`);
    return {
      name: path.basename(output),
      data: { file: path.resolve(file), output, shard: `${index}/${count}`, options },
      opts: {
        jobId: output.replaceAll(":", "_"),
        // A try goes on where the one before it stopped.
        attempts: 5,
        backoff: { type: "exponential", delay: 5_000 },
      },
    };
  }),
);
console.log(`${count} jobs are in the queue`);
await queue.close();
