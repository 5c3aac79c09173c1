import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { exitCodes } from "../../src/cli/exit-codes.js";
import { createLockOwner } from "../../src/jobs/lock-owner.js";
import { runCli, startCli } from "../support/cli.js";
import { getGenerateArgs, createJobFiles, readJobRows } from "../support/job-files.js";
import { type FailedResponse, type ChatResponse, startOpenAiServer } from "../support/openai-server.js";

const files = createJobFiles();
const { createFolderPath, writeSeeds } = files;

describe("one process a folder", () => {
  it("names the owner of the folder to a second process, and takes it over from a dead owner", async () => {
    const server = await startOpenAiServer(({ index }): ChatResponse | FailedResponse => (index < 4 ? {} : { hang: true }));
    const output = createFolderPath();
    const args = getGenerateArgs(server, await writeSeeds(3), output);
    const first = startCli(args);
    await server.waitForRequests(5);
    const second = await runCli(args);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`process ${first.child.pid} on ${hostname()}`);
    first.child.kill("SIGKILL");
    await first.result;
    server.setHandler(() => undefined);
    expect(await runCli(args)).toMatchObject({ code: 0 });
    expect(await readJobRows(output)).toHaveLength(3);
    await server.close();
  });

  it("takes over a folder whose dead owner's process id belongs to another process", async () => {
    const output = createFolderPath();
    await mkdir(output);
    await writeFile(join(output, ".lock"), JSON.stringify({ ...createLockOwner(), startTime: "1" }));
    expect(await runCli(["generate", await writeSeeds(1), "--output", output])).toMatchObject({ code: 0 });
  });

  it("respects the lock of another container with the same host name", async ({ skip }) => {
    const inContainer = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    const mayUnshare = await promisify(execFile)("unshare", [...inContainer, "true"]).then(
      () => true,
      () => false,
    );
    skip(!mayUnshare, "this machine does not let us make a PID namespace");
    const server = await startOpenAiServer(({ index }): ChatResponse | FailedResponse => (index < 4 ? {} : { hang: true }));
    const output = createFolderPath();
    const args = getGenerateArgs(server, await writeSeeds(3), output);
    const first = startCli(args, { within: ["unshare", ...inContainer] });
    await server.waitForRequests(5);
    for (const within of [[], ["unshare", ...inContainer]]) {
      const { code, stderr } = await runCli(args, { within });
      expect(code).toBe(1);
      expect(stderr).toMatch(/in use by process 1 on .* another machine or container/);
    }
    first.child.kill("SIGKILL");
    await first.result;
    await server.close();
  });

  it("stops writing once another process took the folder over", async () => {
    const server = await startOpenAiServer();
    const output = createFolderPath();
    const args = getGenerateArgs(server, await writeSeeds(40), output);
    const another = JSON.stringify({ ...createLockOwner(), host: "elsewhere" });
    let takenOver = false;
    server.setHandler(async ({ index }) => {
      if (index === 20) {
        await writeFile(join(output, ".lock"), another);
        takenOver = true;
      }
      return undefined;
    });
    const { code, stderr } = await runCli([...args, "--concurrency", "1"]);
    expect(takenOver).toBe(true);
    expect(code).toBe(exitCodes.stopped);
    expect(stderr).toContain("no longer holds the output folder");
    expect(await readJobRows(output)).toHaveLength(1);
    expect(await readFile(join(output, ".lock"), "utf8")).toBe(another);
    await server.close();
  });
});
