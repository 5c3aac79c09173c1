import type { ModelSettings } from "../../state/settings.js";

/** What was looked at. */
export const checkNames = ["chat", "system role", "structured output", "usage", "output limit", "context length", "speed"] as const;
export type CheckName = (typeof checkNames)[number];

/** What one look at an endpoint brought. */
export interface Finding {
  readonly name: CheckName;
  /** `note`: works in another way than the best. `fault`: a job would fail, or cost more than its limits say. */
  readonly status: "ok" | "note" | "fault";
  /** What the endpoint does, in words. */
  readonly detail: string;
  /** Settings to use, which differ from those that were checked. */
  readonly settings?: Partial<ModelSettings>;
}

/** Everything that was found out about one model at one endpoint. */
export interface ModelCheck {
  readonly model: string;
  /** Null for a model inside this process. */
  readonly endpoint: string | null;
  /** Roles that call it. */
  readonly roles: readonly string[];
  readonly findings: readonly Finding[];
  /** Settings to add for this model. */
  readonly settings: Partial<ModelSettings>;
}
