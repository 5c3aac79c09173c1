import { v5 as uuid5 } from "@langchain/core/utils/uuid";
import { Auth, HTTPException } from "@langchain/langgraph-sdk/auth";

import type { ApiKeyLookup } from "./api-keys.js";

/** LangGraph server makes the id of a graph's own assistant out of this and the graph's name. */
const graphNamespace = "6ba7b821-9dad-11d1-80b4-00c04fd430c8";

/**
 * Routes of the dev server that look at nobody's ownership: what they serve can be had through others that do. The first
 * empties the server.
 */
const unprotectedRoutes = [
  { path: /^\/internal\//, method: /./ },
  { path: /^\/threads\/[^/]+\/(commands|stream\/events)$/, method: /./ },
  { path: /^\/runs\/[^/]+\/stream$/, method: /^GET$/ },
];

/**
 * Access to a LangGraph server by API key (`x-api-key` or `Authorization: Bearer`), with everything a user makes for that
 * user alone: threads, runs, assistants, and store items below the user's own name. To others they do not exist. Everybody
 * may use the graphs' own assistants and nobody may change them; crons and webhooks are refused.
 */
export function createOwnerAuth(userOf: ApiKeyLookup, graphs: readonly string[]) {
  const shared = new Set(graphs.map((graph) => uuid5(graph, graphNamespace)));
  return new Auth()
    .authenticate((request) => {
      const user = userOf(getRequestKey(request.headers));
      if (user === null) throw new HTTPException(401, { message: "Send a valid API key in the header x-api-key." });
      const route = getRoutePath(request);
      if (unprotectedRoutes.some(({ path, method }) => path.test(route) && method.test(request.method))) {
        throw new HTTPException(403, { message: "This route is closed while users are kept apart." });
      }
      return { identity: user, permissions: [] };
    })
    .on("threads", ({ value, user }) => restrictToOwner(value, user.identity))
    .on("threads:create_run", ({ value, user }) => {
      if (value.kwargs["webhook"]) throw new HTTPException(403, { message: "Webhooks are closed: the server would call any address." });
      return restrictToOwner(value, user.identity);
    })
    .on("assistants", ({ value, user }) => restrictToOwner(value, user.identity))
    .on("assistants:read", ({ value, user }) => (shared.has(value.assistant_id) ? { created_by: "system" } : restrictToOwner(value, user.identity)))
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

/** Puts the owner's name on what is made or changed, and asks for it on what is there. `created_by` marks the server's own assistants. */
function restrictToOwner(value: object, owner: string): { owner: string } {
  const given = "metadata" in value && typeof value.metadata === "object" ? Object.entries(value.metadata ?? {}) : [];
  Object.assign(value, { metadata: { ...Object.fromEntries(given.filter(([name]) => name !== "created_by")), owner } });
  return { owner };
}

/** The path as the server's router reads it, which decodes it first. */
function getRoutePath({ url }: Request): string {
  try {
    return decodeURI(new URL(url).pathname);
  } catch (error) {
    throw new HTTPException(400, { message: "The path cannot be read.", cause: error });
  }
}

function getRequestKey(headers: Headers): string {
  return headers.get("x-api-key") ?? /^Bearer\s+(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
}
