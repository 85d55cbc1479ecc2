import { existsSync } from "node:fs";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";

/** What a service manager is told: all of it absolute, since it knows neither this shell's folder nor its `PATH`. */
export interface ServicePlan {
  /** The service's name; several servers on one machine need several. */
  readonly name: string;
  /** Absolute path of Node. */
  readonly node: string;
  /** Absolute path of the command line's program. */
  readonly program: string;
  /** The arguments of `candle-embed serve`. */
  readonly serveArguments: readonly string[];
  /** Where relative paths among the arguments are looked up. */
  readonly workingFolder: string;
  readonly environment: ReadonlyMap<string, string>;
}

/** Seconds between the signal that ends a server and the one that kills it: more than `serve` takes to drain. */
export const STOP_SECONDS = 40;

/** A name that is safe as part of a file name on every system. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/;

/** Refuses what a unit file or a plist could not carry. */
export function checkServicePlan(plan: ServicePlan): void {
  if (!NAME.test(plan.name)) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `a service's name has small letters, digits and hyphens, not ${JSON.stringify(plan.name)}`,
    );
  }
  if (plan.program.split(path.sep).includes("_npx")) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      "npx keeps programs only for a while: install candle-embed (npm install --global candle-embed), then its service",
    );
  }
  const values = [plan.node, plan.program, plan.workingFolder, ...plan.serveArguments];
  for (const [name, value] of plan.environment) {
    checkVariable(name);
    values.push(value);
  }
  for (const value of values) {
    if (hasControlCharacters(value)) {
      throw new CandleEmbedError(
        "INVALID_INPUT",
        `a service cannot be given line breaks or control characters: ${JSON.stringify(value)}`,
      );
    }
  }
}

function hasControlCharacters(value: string): boolean {
  return Array.from(value).some((character) => character < " " || character === "\u007f");
}

/** Unit files and plists are read by other programs and end up in backups: keys do not belong there. */
function checkVariable(name: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new CandleEmbedError("INVALID_INPUT", `${JSON.stringify(name)} is no name of a variable`);
  }
  if (/(KEY|TOKEN|SECRET|PASSWORD)$/i.test(name)) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `${name} looks like a secret, and a service's file is no place for one: name a file or a command that has it`,
    );
  }
}

/**
 * A path to Node that outlives an update. Homebrew's Node runs from a folder with its version in the name, which the next
 * `brew upgrade` removes; `opt` has a link that stays.
 */
export function lastingNode(execPath: string): string {
  const [, prefix, formula] = /^(.*)\/Cellar\/(node(?:@\d+)?)\/[^/]+\/bin\/node$/.exec(execPath) ?? [];
  if (prefix === undefined || formula === undefined) return execPath;
  const link = `${prefix}/opt/${formula}/bin/node`;
  return existsSync(link) ? link : execPath;
}
