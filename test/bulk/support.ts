import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import type { Finished } from "../native/support.js";
import { runCli, startCli, temporaryFolder, withTinyModel } from "../cli/support.js";

export { finished } from "../native/support.js";
export { runCli, runShell, startCli, temporaryFolder, tinyModel, withTinyModel } from "../cli/support.js";

export interface OutputRecord {
  index: number;
  id?: string | number;
  text: string;
  tokens: number;
  truncated: boolean;
  metadata?: Record<string, unknown>;
  embedding: number[];
}

/** A folder, with what is needed to run the command on files in it. */
export class Workplace {
  readonly folder = temporaryFolder();

  at(name: string): string {
    return path.join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.at(name), content);
    return this.at(name);
  }

  /** `candle-embed embed --file INPUT --output OUTPUT` with the tiny model. */
  embed(input: string, output: string, ...more: string[]): Promise<Finished> {
    return runCli(this.args(input, output, ...more));
  }

  args(input: string, output: string, ...more: string[]): string[] {
    return withTinyModel("embed", "--file", this.at(input), "--output", this.at(output), ...more);
  }

  start(input: string, output: string, ...more: string[]): ReturnType<typeof startCli> {
    return startCli(this.args(input, output, ...more));
  }

  read(name: string): Buffer {
    return readFileSync(this.at(name));
  }

  records(name: string): OutputRecord[] {
    return jsonLines(this.at(name)) as OutputRecord[];
  }
}

/** The objects of a JSONL file. */
export function jsonLines(file: string): unknown[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/** A corpus of records with ids and metadata, some of it missing, and here and there a broken line. */
export function corpus(count: number, broken = 97): string {
  return Array.from({ length: count }, (_, i) => {
    if (i % broken === broken - 1) return `{"id":${String(i)},`;
    const year = i % 3 === 0 ? {} : { year: 1900 + (i % 100) };
    return JSON.stringify({
      id: `d${String(i)}`,
      text: `text ${String(i % 1500)} é`,
      title: `T"${String(i)}`,
      ...year,
    });
  })
    .join("\n")
    .concat("\n");
}
