import { Agent, type Dispatcher, ProxyAgent } from "undici";

import type { Env } from "../env.js";
import { ProviderConfigurationError } from "./provider.js";

/** A proxy as the environment names it. */
interface ProxySetting {
  /** Name of the variable, as it is spelt in the environment. */
  readonly variable: string;
  readonly url: URL;
}

/** Proxies of an environment, by the protocol of the request. */
interface ProxySettings {
  readonly http: ProxySetting | null;
  readonly https: ProxySetting | null;
  /** Entries of NO_PROXY in lower case. */
  readonly exceptions: readonly string[];
}

/** Entry of NO_PROXY, as in Chromium, by which loopback addresses go through the proxy as well. */
const includeLoopback = "<-loopback>";

/** undici's own timeouts are off (default: five minutes without headers), as the timeout setting decides. */
const timeouts = { headersTimeout: 0, bodyTimeout: 0 };

/**
 * Creates the connections of model calls and downloads, through the proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
 *
 * Plain HTTP is sent to a proxy as it is, since most refuse tunnels to other ports than 443. Loopback addresses are called
 * directly unless `NO_PROXY` contains `<-loopback>`.
 *
 * @throws {ProviderConfigurationError} For a variable that is no URL of an HTTP proxy, naming it.
 */
export function createDispatcher(env: Env): Dispatcher {
  const direct = new Agent(timeouts);
  const settings = readProxySettings(env);
  if (!settings.http && !settings.https) return direct;
  const agents = { http: createProxyAgent(settings.http), https: createProxyAgent(settings.https) };
  return direct.compose((dispatch) => (options, handler) => {
    const url = new URL(options.origin ?? "");
    const agent = needsProxy(url, settings) ? agents[url.protocol === "https:" ? "https" : "http"] : null;
    return agent ? agent.dispatch(options, handler) : dispatch(options, handler);
  });
}

/** Returns true if a request to this URL goes through a proxy of the environment. */
export function usesProxy(url: string, env: Env): boolean {
  const settings = readProxySettings(env);
  const target = new URL(url);
  return settings[target.protocol === "https:" ? "https" : "http"] !== null && needsProxy(target, settings);
}

/**
 * Describes the proxies of an environment for a log line, without credentials.
 *
 * @returns Null if it names none.
 * @throws {ProviderConfigurationError} As {@link createDispatcher}.
 */
export function describeProxies(env: Env): string | null {
  const { http, https, exceptions } = readProxySettings(env);
  const variables = new Map<string, string[]>();
  for (const proxy of [http, https]) {
    if (proxy) variables.set(proxy.url.origin, [...(variables.get(proxy.url.origin) ?? []), proxy.variable]);
  }
  if (variables.size === 0) return null;
  const proxies = [...variables].map(([origin, names]) => `${origin} (${names.join(", ")})`).join(" and ");
  const noProxy = exceptions.length > 0 ? `, except to ${exceptions.join(", ")} (NO_PROXY)` : "";
  return `Requests go through the proxy ${proxies}${noProxy}.`;
}

function readProxySettings(env: Env): ProxySettings {
  const noProxy = getVariable(env, "no_proxy")?.value ?? "";
  return {
    http: readProxy(env, "http_proxy"),
    https: readProxy(env, "https_proxy"),
    exceptions: noProxy
      .toLowerCase()
      .split(/[,\s]+/)
      .filter(Boolean),
  };
}

/** Reads a variable in small letters, which takes precedence as in curl, or in capitals. */
function getVariable(env: Env, name: string): { readonly variable: string; readonly value: string } | null {
  for (const variable of [name, name.toUpperCase()]) {
    const value = Object.hasOwn(env, variable) ? env[variable]?.trim() : undefined;
    if (value) return { variable, value };
  }
  return null;
}

function readProxy(env: Env, name: string): ProxySetting | null {
  const setting = getVariable(env, name);
  if (!setting) return null;
  const { variable, value } = setting;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol)) return { variable, url };
  // The value is not repeated, as it may hold a password.
  throw new ProviderConfigurationError(
    `the environment variable ${variable} is not the URL of an HTTP proxy (http://host:port). Correct it, or remove it to connect directly`,
  );
}

function createProxyAgent(proxy: ProxySetting | null): ProxyAgent | null {
  return proxy && new ProxyAgent({ ...timeouts, uri: proxy.url.href, proxyTunnel: false });
}

function needsProxy(url: URL, { exceptions }: ProxySettings): boolean {
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (isLoopback(host)) return exceptions.includes(includeLoopback);
  return !exceptions.some((exception) => isException(exception, host, port));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127(?:\.\d+){3}$/.test(host);
}

/** An exception is `*`, a host, or a domain with or without `.` or `*.` before it; each may end in `:port`. */
function isException(exception: string, host: string, port: string): boolean {
  if (exception === "*") return true;
  const [, name = "", exceptionPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(exception) ?? [];
  if (exceptionPort !== undefined && exceptionPort !== port) return false;
  const domain = name.replace(/^\[|\]$/g, "").replace(/^\*?\./, "");
  return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
}
