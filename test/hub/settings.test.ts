import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { proxyFor } from "../../src/hub/proxy.js";
import { parseRetryAfter } from "../../src/utils/retry-after.js";
import { hubSettings } from "../../src/hub/settings.js";
import { temporaryFolder } from "../native/support.js";

const home = homedir();
const folder = temporaryFolder();

describe("the cache", () => {
  it.each([
    [{}, path.join(home, ".cache/huggingface/hub")],
    [{ XDG_CACHE_HOME: "/xdg" }, "/xdg/huggingface/hub"],
    [{ HF_HOME: "/hf", XDG_CACHE_HOME: "/xdg" }, "/hf/hub"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" }, "/old"],
    [{ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" }, "/new"],
    [{ HF_HUB_CACHE: "", HF_HOME: "/hf" }, "/hf/hub"],
    [{ HF_HUB_CACHE: "~/models" }, path.join(home, "models")],
    [{ HF_HOME: "~" }, path.join(home, "hub")],
    [{ HF_HOME: "$DISK/hf", DISK: "/disk" }, "/disk/hf/hub"],
    [{ HF_HOME: "${DISK}/$UNKNOWN", DISK: "/disk" }, "/disk/$UNKNOWN/hub"],
  ])("with %j is %s", (env, expected) => {
    expect(hubSettings({}, env).cacheDir).toBe(expected);
  });

  it("is the caller's where the caller says so", () => {
    expect(hubSettings({ cacheDir: "here" }, { HF_HUB_CACHE: "/there" }).cacheDir).toBe(path.resolve("here"));
  });
});

describe("the token", () => {
  const file = path.join(folder, "my-token");
  writeFileSync(file, "hf_from_file\n");
  mkdirSync(path.join(folder, "hf"));
  writeFileSync(path.join(folder, "hf/token"), " hf_from_home \r\n");

  it.each([
    [{ HF_HOME: path.join(folder, "nothing") }, undefined],
    [{ HF_TOKEN: "hf_a", HUGGING_FACE_HUB_TOKEN: "hf_b" }, "hf_a"],
    [{ HUGGING_FACE_HUB_TOKEN: "hf_b" }, "hf_b"],
    [{ HF_TOKEN: "hf_a\n" }, "hf_a"],
    [{ HF_TOKEN: "  ", HF_TOKEN_PATH: file }, "hf_from_file"],
    [{ HF_HOME: path.join(folder, "hf") }, "hf_from_home"],
    [{ HF_TOKEN: "hf_a", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, undefined],
  ])("with %j is %s", (env, expected) => {
    expect(hubSettings({}, env).token).toBe(expected);
  });

  it("is the caller's where the caller has one", () => {
    expect(hubSettings({ token: "mine" }, { HF_TOKEN: "env" }).token).toBe("mine");
  });
});

describe("other variables", () => {
  it.each([
    [{ HF_HUB_OFFLINE: "1" }, true],
    [{ HF_HUB_OFFLINE: "YES" }, true],
    [{ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" }, false],
    [{ TRANSFORMERS_OFFLINE: "on" }, true],
    [{}, false],
  ])("%j: offline %s", (env, expected) => {
    expect(hubSettings({}, env).offline).toBe(expected);
    expect(hubSettings({ offline: !expected }, env).offline).toBe(!expected);
  });

  it("are refused where they cannot be used", () => {
    for (const env of [
      { HF_ENDPOINT: "hub.example.org" },
      { HF_ENDPOINT: "ftp://x" },
      { HF_HUB_ETAG_TIMEOUT: "soon" },
    ]) {
      expect(() => hubSettings({}, env)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }) as Error);
    }
    expect(hubSettings({}, { HF_ENDPOINT: "https://hub.example.org/hf//" }).endpoint).toBe(
      "https://hub.example.org/hf",
    );
  });
});

describe("the proxy", () => {
  it.each([
    ["https://a.org/", {}, undefined],
    ["https://a.org/", { HTTPS_PROXY: "http://p:3128" }, "http://p:3128/"],
    ["https://a.org/", { https_proxy: "p:3128", HTTPS_PROXY: "http://other" }, "http://p:3128/"],
    ["https://a.org/", { https_proxy: "", HTTPS_PROXY: "http://other" }, undefined],
    ["http://a.org/", { HTTPS_PROXY: "http://p:3128" }, undefined],
    ["http://a.org/", { HTTP_PROXY: "http://p:3128" }, "http://p:3128/"],
    ["https://a.org/", { ALL_PROXY: "http://p:3128" }, "http://p:3128/"],
    ["https://a.org/", { HTTPS_PROXY: "http://p", NO_PROXY: "b.org, a.org" }, undefined],
    ["https://x.a.org/", { HTTPS_PROXY: "http://p", NO_PROXY: ".a.org" }, undefined],
    ["https://x.a.org/", { HTTPS_PROXY: "http://p", NO_PROXY: "*.a.org" }, undefined],
    ["https://xa.org/", { HTTPS_PROXY: "http://p", NO_PROXY: "a.org" }, "http://p/"],
    ["https://a.org/", { HTTPS_PROXY: "http://p", NO_PROXY: "*" }, undefined],
    ["https://a.org/", { HTTPS_PROXY: "http://p", NO_PROXY: "a.org:8443" }, "http://p/"],
    ["https://a.org:8443/", { HTTPS_PROXY: "http://p", NO_PROXY: "a.org:8443" }, undefined],
    ["http://[::1]:80/", { HTTP_PROXY: "http://p", NO_PROXY: "[::1]" }, undefined],
    ["http://127.0.0.1/", { HTTP_PROXY: "http://p", NO_PROXY: "localhost,127.0.0.1" }, undefined],
  ])("for %s with %j is %s", (url, env, expected) => {
    expect(proxyFor(new URL(url), env)?.href).toBe(expected);
  });

  it("is refused, without its password, where it is of another kind", () => {
    expect(() => proxyFor(new URL("https://a.org"), { ALL_PROXY: "socks5://user:secret@p" })).toThrow(
      expect.objectContaining({
        code: "INVALID_INPUT",
        message: expect.not.stringContaining("secret") as string,
      }) as Error,
    );
  });
});

it.each([
  [undefined, undefined],
  ["3", 3000],
  ["0", 0],
  ["Thu, 01 Jan 1970 00:00:10 GMT", 9000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", undefined],
])("Retry-After %s is a pause of %s ms", (value, expected) => {
  expect(parseRetryAfter(value, 1000)).toBe(expected);
});
