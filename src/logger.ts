import pc from "picocolors";

/** Writes messages for people to stderr. Data goes to stdout. */
export interface Logger {
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly error: (text: string) => void;
}

export interface LoggerOptions {
  /**
   * Logs only warnings and errors.
   *
   * @default false
   */
  readonly quiet?: boolean;
  /**
   * Logs one JSON object per line: `{"type": "info" | "warning" | "error", "message"}`.
   *
   * @default false
   */
  readonly json?: boolean;
  /**
   * Writes a line.
   *
   * @default To stderr
   */
  readonly write?: (line: string) => void;
}

type MessageType = "info" | "warning" | "error";

const colors = pc.createColors(process.stderr.isTTY === true && pc.isColorSupported);
const prefixes: Readonly<Record<MessageType, string>> = {
  info: "",
  warning: `${colors.yellow("warning:")} `,
  error: `${colors.red("error:")} `,
};

export function createLogger({ quiet = false, json = false, write = writeToStderr }: LoggerOptions = {}): Logger {
  const log = (type: MessageType, message: string) =>
    write(json ? JSON.stringify({ type, message }) : `${prefixes[type]}${stripControlCharacters(message)}`);
  return {
    info: (text) => {
      if (!quiet) log("info", text);
    },
    warn: (text) => log("warning", text),
    error: (text) => log("error", text),
  };
}

/** Removes control characters other than line breaks and tabs, so that no model or server controls the terminal. */
export function stripControlCharacters(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}

function writeToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
