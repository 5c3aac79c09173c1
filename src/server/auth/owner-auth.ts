import { v5 as createUuid } from "@langchain/core/utils/uuid";
import { Auth, HTTPException } from "@langchain/langgraph-sdk/auth";

import type { ApiKeyLookup } from "./api-keys.js";

/** Namespace in which LangGraph server derives the id of a graph's default assistant from the graph's name. */
const assistantNamespace = "6ba7b821-9dad-11d1-80b4-00c04fd430c8";

/**
 * Routes of the dev server that do not check who owns a thread, so they are refused. Other routes serve the same data.
 * `/internal/` can also delete all data of the server.
 */
const unprotectedRoutes = [
  { path: /^\/internal\//, method: /./ },
  { path: /^\/threads\/[^/]+\/(commands|stream\/events)$/, method: /./ },
  { path: /^\/runs\/[^/]+\/stream$/, method: /^GET$/ },
];

/**
 * Creates the auth handlers of a LangGraph server: an API key per user, and private data.
 *
 * Requests carry a key in `x-api-key` or `Authorization: Bearer`. Threads, runs, assistants, and store items in the user's own
 * namespace are visible only to the user who created them. All users may use the default assistants of the graphs, and nobody
 * may change them. Crons and webhooks are refused.
 */
export function createOwnerAuth(lookUpUser: ApiKeyLookup, graphs: readonly string[]) {
  const defaultAssistants = new Set(graphs.map((graph) => createUuid(graph, assistantNamespace)));
  return new Auth()
    .authenticate((request) => {
      const user = lookUpUser(getRequestKey(request.headers));
      if (user === null) throw new HTTPException(401, { message: "Send a valid API key in the header x-api-key." });
      const route = getRoutePath(request);
      if (unprotectedRoutes.some(({ path, method }) => path.test(route) && method.test(request.method))) {
        throw new HTTPException(403, { message: "This route is closed, since it does not keep users apart." });
      }
      return { identity: user, permissions: [] };
    })
    .on("threads", ({ value, user }) => restrictToOwner(value, user.identity))
    .on("threads:create_run", ({ value, user }) => {
      if (value.kwargs["webhook"]) throw new HTTPException(403, { message: "Webhooks are closed: the server would call any address." });
      return restrictToOwner(value, user.identity);
    })
    .on("assistants", ({ value, user }) => restrictToOwner(value, user.identity))
    .on("assistants:read", ({ value, user }) =>
      defaultAssistants.has(value.assistant_id) ? { created_by: "system" } : restrictToOwner(value, user.identity),
    )
    .on("assistants:search", ({ value, user }) =>
      value.metadata?.["created_by"] === "system" ? { created_by: "system" } : restrictToOwner({}, user.identity),
    )
    .on("store", ({ value, user }) => {
      if (value.namespace?.[0] !== user.identity) {
        throw new HTTPException(403, { message: `Namespaces must begin with your name, "${user.identity}".` });
      }
      return true;
    })
    .on("crons", () => false);
}

/**
 * Adds the owner to what is created or changed, and returns the filter for what is read.
 *
 * Drops a client's `created_by`, which marks the server's own assistants.
 */
function restrictToOwner(value: object, owner: string): { owner: string } {
  const metadata = "metadata" in value && typeof value.metadata === "object" ? Object.entries(value.metadata ?? {}) : [];
  Object.assign(value, { metadata: { ...Object.fromEntries(metadata.filter(([name]) => name !== "created_by")), owner } });
  return { owner };
}

/** Returns the decoded path, since the server's router decodes it before matching. */
function getRoutePath({ url }: Request): string {
  try {
    return decodeURI(new URL(url).pathname);
  } catch (error) {
    throw new HTTPException(400, { message: "The path cannot be decoded.", cause: error });
  }
}

function getRequestKey(headers: Headers): string {
  return headers.get("x-api-key") ?? /^Bearer\s+(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
}
