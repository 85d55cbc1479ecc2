import { UsageError, type Command, type Context } from "../command.js";
import { sourceOptionsHelp } from "../model-options.js";
import { quality, qualityOptions } from "./bench/quality.js";
import { recall, recallOptions } from "./bench/recall.js";
import { speed, speedOptions } from "./bench/speed.js";
import { sweep, sweepOptions } from "./bench/sweep.js";

const help = `Usage: candle-embed bench quality [options] [MODEL...]
       candle-embed bench recall [options] [MODEL...]
       candle-embed bench sweep [options] [MODEL]
       candle-embed bench speed [options] [MODEL...]

Measures how good the vectors of models are, and how fast they come. MODEL is a name ("candle-embed models" lists them),
a hub id (org/name) or a folder (default: the all-MiniLM-L6-v2 that is installed).

  quality   on data sets: nDCG@10, recall and their like for retrieval, Spearman and Pearson for pairs of sentences
  recall    on scenarios: facts to remember, questions, and texts that look like the answer and are none
  speed     texts a second and milliseconds a call, by length of the texts and size of the call
  sweep     what int8 weights, shorter vectors and int8 or binary output cost on one data set

Options of quality and sweep:
      --data NAME          stsb, nanobeir/scifact and its like, nanobeir (all thirteen; the hub's are fetched); a folder
                           with corpus.jsonl, queries.jsonl and qrels/; a file of sentence pairs. Of quality again for
                           more (default: stsb and nanobeir/scifact; of sweep: nanobeir/scifact)
Options of quality:
      --metrics LIST       of retrieval: ndcg@K, recall@K, mrr@K, map@K, map
                           (default: ndcg@10,recall@10,recall@100,mrr@10,map)
      --ignore-identical-ids
                           for ArguAna and Quora, where queries are documents too
Options of recall:
      --scenario NAME      a scenario by name or its file; again for more (default: all that come along)
      --misses             list the questions that were not answered by the first hit
Options of sweep:
      --dimensions LIST    lengths of vectors (default: the model's, and 512, 256, 128, 64 where below it)
      --outputs LIST       float32, int8, binary, binary+rescore (default: all)
      --plot FILE          write quality against bytes per vector as SVG
Options of speed:
      --tokens LIST        tokens of the texts (default: 16,64,128,256,512, those the model reads)
      --texts LIST         texts of a call (default: 1,8,64)
Options of all:
      --dtype LIST         float32, int8: each model in each (default: as it is; sweep both)
      --json               print all figures as JSON
      --markdown           print the tables as Markdown
      --save FILE          write all figures as JSON too
      --threads N          threads of the engine (default: the CPUs this process may use)
${sourceOptionsHelp}

Examples:
  candle-embed bench quality --data stsb ./my-model all-MiniLM-L6-v2
  candle-embed bench recall --dtype float32,int8 ./my-model
  candle-embed bench speed --dtype float32,int8 ./my-model
  candle-embed bench sweep --data ./cranfield --plot sweep.svg ./my-model`;

const parts: ReadonlyMap<string, (args: readonly string[], context: Context) => Promise<void>> = new Map(
  Object.entries({ quality, recall, speed, sweep }),
);

/** `candle-embed bench` */
export const bench: Command = {
  help,
  options: { ...qualityOptions, ...recallOptions, ...speedOptions, ...sweepOptions },
  operands: ["quality", "recall", "speed", "sweep"],
  run,
};

function run([name, ...args]: readonly string[], context: Context): Promise<void> {
  const part = parts.get(name ?? "");
  if (part === undefined) {
    const not = name === undefined ? "" : `, not ${JSON.stringify(name)}`;
    throw new UsageError(`bench measures ${[...parts.keys()].join(", ")}; say which${not}`);
  }
  return part(args, context);
}
