import { readFileSync } from "node:fs";
import path from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { expect, it } from "vitest";

import { makeSbom } from "../../scripts/release/sbom.mjs";
import { root } from "../native/support.js";

it("the bill of materials is CycloneDX by its own schema, and has what THIRD-PARTY-NOTICES names", async () => {
  const bill = makeSbom();
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(JSON.stringify(bill))).toBeNull();

  // What actions/attest looks for before it attests a bill, besides the format's own schema.
  expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
  expect(bill["serialNumber"]).toMatch(
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(makeSbom()).toEqual(bill);

  const crates = bill.components.filter(({ purl }) => purl.startsWith("pkg:cargo/"));
  const others = bill.components.filter(({ purl }) => purl.startsWith("pkg:github/"));
  const notices = readFileSync(path.join(root, "THIRD-PARTY-NOTICES"), "utf8");
  const named = [...notices.matchAll(/^(\S+ \d\S*) \(/gm)].map((match) => String(match[1]));
  expect([...crates, ...others].map(({ name, version }) => [name, version].join(" ")).sort()).toEqual(
    named.sort(),
  );
  for (const { name, hashes } of crates) expect(hashes[0]?.content, name).toMatch(/^[0-9a-f]{64}$/);
}, 120_000);
