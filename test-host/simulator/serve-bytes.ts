import { spawn, type ChildProcess } from "node:child_process";
import { access } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";

export interface ByteServiceOptions {
  /** `127.0.0.1:PORT` or `PORT` for TCP (0: a free one); anything else is the path of a pty. */
  readonly at: string;
  /** A client has come. */
  readonly begin: () => void;
  /** Bytes of the client. */
  readonly receive: (bytes: Uint8Array) => void;
  /** What a second client is told. */
  readonly inUse: string;
}

/** A stream of bytes that a program of this machine can be attached to, one after another. */
export interface ByteService {
  /** Where clients connect: `127.0.0.1:PORT` or the path. */
  readonly address: string;
  /** Clients so far. */
  readonly sessions: number;
  /** To the client; lost while there is none. */
  write(bytes: Uint8Array): void;
  /** Resolves once everything is closed. */
  stop(): Promise<void>;
}

/** Serving is not possible; the message says what to do. */
export class ServeError extends Error {}

/** Serves a stream of bytes on a loopback TCP port or a pty. Rejects with a {@link ServeError}. */
export async function serveBytes(options: ByteServiceOptions): Promise<ByteService> {
  const sessions = new Sessions(options);
  const tcp = /^(?:127\.0\.0\.1:|localhost:)?(\d{1,5})$/.exec(options.at);
  const server = await listen(tcp ? Number(tcp[1]) : 0, sessions);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  let pty: Pty | undefined;
  try {
    if (!tcp) {
      pty = new Pty(options.at, port);
      await pty.ready();
    }
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    address: tcp ? `127.0.0.1:${String(port)}` : options.at,
    get sessions() {
      return sessions.count;
    },
    write: bytes => sessions.write(bytes),
    stop: async () => {
      await pty?.stop();
      sessions.close();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Wall milliseconds that a new client waits for the session before it to end. */
const handOverMs = 200;

class Sessions {
  count = 0;
  readonly #options: ByteServiceOptions;
  #client: Socket | undefined;

  constructor(options: ByteServiceOptions) {
    this.#options = options;
  }

  write(bytes: Uint8Array): void {
    this.#client?.write(bytes);
  }

  accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    const client = this.#client;
    if (!client) {
      this.#begin(socket);
      return;
    }
    // The end of the last session may still be on its way here.
    const settle = (): void => {
      clearTimeout(timer);
      client.off("close", settle);
      if (this.#client) socket.end(`\r\n${this.#options.inUse}\r\n`);
      else this.#begin(socket);
    };
    const timer = setTimeout(settle, handOverMs);
    client.on("close", settle);
  }

  #begin(socket: Socket): void {
    this.#client = socket;
    this.count++;
    socket.setNoDelay(true);
    this.#options.begin();
    socket.on("data", bytes => this.#options.receive(bytes));
    socket.on("close", () => {
      if (this.#client === socket) this.#client = undefined;
    });
  }

  close(): void {
    this.#client?.destroy();
  }
}

function listen(port: number, sessions: Sessions): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => sessions.accept(socket));
    server.on("error", error =>
      reject(new ServeError(`Port ${String(port)} cannot be used: ${error.message}`)),
    );
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** Wall milliseconds within which socat must have made the pty. */
const ptyDeadlineMs = 5_000;

/**
 * Runs socat until its input ends: that is when this process has stopped it, or is gone, by whatever signal.
 * A socat that outlives its device would wait for ever on a pty that nobody finds.
 */
const supervisor = `
exec 3<&0
socat "$@" </dev/null 3<&- &
child=$!
(read -r _; kill "$child") <&3 2>/dev/null &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`;
/** A shell's code for a program that is not there. */
const notFound = 127;

/**
 * A pty by way of socat, which waits for a client to open it and then connects to the TCP port. When
 * the client closes it socat ends, and a new one takes its place for the next session.
 */
class Pty {
  readonly #path: string;
  readonly #port: number;
  #child: ChildProcess | undefined;
  #stopped = false;
  #failure: ServeError | undefined;
  #stderr = "";

  constructor(path: string, port: number) {
    this.#path = path;
    this.#port = port;
    this.#start();
  }

  async ready(): Promise<void> {
    const deadline = performance.now() + ptyDeadlineMs;
    for (;;) {
      if (this.#failure) throw this.#failure;
      const exists = await access(this.#path).then(
        () => true,
        () => false,
      );
      if (exists && this.#child) return;
      if (performance.now() > deadline) {
        await this.stop();
        throw new ServeError(`socat did not make the pty ${this.#path}: ${this.#stderr.trim()}`);
      }
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  }

  stop(): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise(resolve => {
      child.on("exit", () => resolve());
      child.stdin?.end();
    });
  }

  #start(): void {
    const child = spawn(
      "/bin/sh",
      [
        "-c",
        supervisor,
        "socat",
        // Who opens the pty behind the last client, before socat has gone, gets the end of that session. What there was
        // to carry has been carried by then; socat would wait half a second for more.
        "-t",
        "0.01",
        `PTY,link=${this.#path},raw,echo=0,waitslave,pty-interval=0.05`,
        `TCP:127.0.0.1:${String(this.#port)},nodelay`,
      ],
      // A terminal's interrupt is for this process, which stops it in order.
      { stdio: ["pipe", "ignore", "pipe"], detached: true },
    );
    this.#child = child;
    child.stderr.on("data", (text: Buffer) => (this.#stderr = text.toString()));
    // It is gone before the end of its input reaches it.
    child.stdin.on("error", () => undefined);
    child.on("error", error => {
      this.#stopped = true;
      this.#failure = new ServeError(`socat cannot be started: ${error.message}`);
    });
    child.on("exit", (code, signal) => {
      if (this.#stopped) return;
      if (code === notFound) {
        this.#stopped = true;
        this.#failure = new ServeError(
          "A pty needs the program socat, which is not installed: install the package socat (Debian, Ubuntu: apt-get install socat; macOS: brew install socat), or serve on a TCP port",
        );
        return;
      }
      if (code !== null && code !== 0 && signal === null && this.#stderr.includes("E ")) {
        this.#stopped = true;
        this.#failure = new ServeError(`socat cannot make the pty ${this.#path}: ${this.#stderr.trim()}`);
        return;
      }
      this.#start();
    });
  }
}
