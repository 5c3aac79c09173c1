import { expect } from "vitest";

/** Returns the error with which a promise rejects. Fails the test if it resolves. */
export function getRejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("the promise should reject"),
    (error: unknown) => error,
  );
}
