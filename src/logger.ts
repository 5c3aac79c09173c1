import pc from "picocolors";

/** Words for people, on stderr; data goes to stdout. */
export interface Logger {
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly error: (text: string) => void;
}

const colors = pc.createColors(process.stderr.isTTY === true && pc.isColorSupported);

export interface LoggerOptions {
  /** Leave only warnings and errors. Default false. */
  readonly quiet?: boolean;
  /** One JSON object a line, `{"type": "info" | "warning" | "error", "message"}`. Default false. */
  readonly json?: boolean;
  /** Where lines go. Default: stderr. */
  readonly write?: (line: string) => void;
}

export function createLogger({ quiet = false, json = false, write = toStderr }: LoggerOptions = {}): Logger {
  const line = (type: "info" | "warning" | "error", message: string) => write(json ? JSON.stringify({ type, message }) : `${labels[type]}${message}`);
  return {
    info: (text) => {
      if (!quiet) line("info", text);
    },
    warn: (text) => line("warning", text),
    error: (text) => line("error", text),
  };
}

const labels = { info: "", warning: `${colors.yellow("warning:")} `, error: `${colors.red("error:")} ` };

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
