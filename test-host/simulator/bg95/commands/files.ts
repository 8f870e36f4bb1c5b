import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { fileChecksum, type FileHandle } from "../../modem/file-store.js";
import type { Bg95Module } from "../module.js";
import { UploadSink } from "../upload-sink.js";

const longestName = 80;
const mostHandles = 10;
const defaultSize = 10_240;

const code = {
  larger: 401,
  readZero: 402,
  notFound: 405,
  badName: 406,
  exists: 407,
  tooManyOpen: 413,
  readOnly: 414,
  badHandle: 416,
  noSpace: 420,
  badParameter: 425,
  alreadyOpen: 426,
} as const;

function checksumText(bytes: Uint8Array): string {
  return fileChecksum(bytes).toString(16);
}

/** Answers 406 and returns undefined for a name that is none. */
function fileName(call: Call, index: number): string | undefined {
  const name = call.args.string(index);
  if (name.length > 0 && name.length <= longestName) return name;
  call.cme(code.badName);
  return undefined;
}

const upload: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(4);
  const name = fileName(call, 0);
  if (name === undefined) return;
  const size = call.args.integer(1, 1, 4_294_967_295, defaultSize);
  const timeoutMs = call.args.integer(2, 1, 65535, 5) * 1000;
  const acknowledges = call.args.integer(3, 0, 1, 0) === 1;
  const { files, scheduler, faults } = module;
  if (files.has(name)) {
    call.cme(code.exists);
    return;
  }
  if (size > files.freeBytes && call.args.has(1)) {
    call.cme(code.noSpace);
    return;
  }
  call.connect();
  const done = (bytes: Uint8Array): void => {
    const stored = faults.uploaded(bytes);
    files.write(name, stored);
    call.info(`+QFUPL: ${String(stored.length)},${checksumText(stored)}`);
    call.ok();
  };
  call.collect(new UploadSink({ scheduler, call, size, timeoutMs, acknowledges, done }));
};

const download: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(1);
  const bytes = module.files.read(call.args.string(0));
  if (!bytes) {
    call.cme(code.notFound);
    return;
  }
  call.connect();
  call.raw(bytes);
  call.info(`+QFDWL: ${String(bytes.length)},${checksumText(bytes)}`);
  call.ok();
};

const list: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(1);
  const pattern = call.args.string(0, "*");
  const bare = pattern.startsWith("UFS:") ? pattern.slice(4) : pattern;
  const names = module.files.names.filter(name => bare === "*" || name === bare);
  const { listEmpty, listNoMatch } = module.settings;
  if (names.length === 0 && (bare === "*" ? listEmpty : listNoMatch) === "error-405") {
    call.cme(code.notFound);
    return;
  }
  const prefix = module.settings.listPrefix ? "UFS:" : "";
  call.info(
    ...names.map(name => `+QFLST: "${prefix}${name}",${String(module.files.read(name)?.length ?? 0)}`),
  );
  call.ok();
};

const space: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(1);
  const { files } = module;
  if (!call.args.has(0)) call.info(`+QFLDS: ${String(files.usedBytes)},${String(files.names.length)}`);
  else if (call.args.string(0) === "UFS") {
    call.info(`+QFLDS: ${String(files.freeBytes)},${String(files.capacity)}`);
  } else {
    call.cme(code.badParameter);
    return;
  }
  call.ok();
};

const remove: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(1);
  const name = call.args.string(0);
  const { files } = module;
  if (name === "*") for (const each of files.names) files.delete(each);
  else if (!files.delete(name)) {
    call.cme(code.notFound);
    return;
  }
  call.ok();
};

const open: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const name = fileName(call, 0);
  if (name === undefined) return;
  const mode = call.args.integer(1, 0, 2, 0);
  const { files } = module;
  if (files.isOpen(name)) call.cme(code.alreadyOpen);
  else if (files.openCount >= mostHandles) call.cme(code.tooManyOpen);
  else if (mode === 2 && !files.has(name)) call.cme(code.notFound);
  else {
    if (mode === 1 || !files.has(name)) files.write(name, new Uint8Array(0));
    call.info(`+QFOPEN: ${String(files.open(name, mode === 2))}`);
    call.ok();
  }
};

/** Runs with the open file of the first argument, or answers 416. */
function withHandle(
  action: (call: Call, module: Bg95Module, handle: FileHandle, bytes: Uint8Array) => void,
): Handler<Bg95Module> {
  return (call, module) => {
    const handle = module.files.handle(call.args.integer(0, 0, 4_294_967_295));
    const bytes = handle && module.files.read(handle.name);
    if (handle && bytes) action(call, module, handle, bytes);
    else call.cme(code.badHandle);
  };
}

const read = withHandle((call, _module, handle, bytes) => {
  call.args.atMost(2);
  const rest = bytes.length - handle.position;
  const count = Math.min(rest, call.args.integer(1, 0, 4_294_967_295, rest));
  if (rest === 0) {
    call.cme(code.readZero);
    return;
  }
  call.connect(`CONNECT ${String(count)}`);
  call.raw(bytes.subarray(handle.position, handle.position + count));
  handle.position += count;
  call.ok();
});

const write = withHandle((call, module, handle) => {
  call.args.atMost(3);
  if (handle.readOnly) {
    call.cme(code.readOnly);
    return;
  }
  const size = call.args.integer(1, 1, 4_294_967_295, defaultSize);
  const timeoutMs = call.args.integer(2, 1, 65535, 5) * 1000;
  const { files, scheduler } = module;
  if (size > files.freeBytes && call.args.has(1)) {
    call.cme(code.noSpace);
    return;
  }
  call.connect();
  const done = (added: Uint8Array): void => {
    const before = files.read(handle.name) ?? new Uint8Array(0);
    const total = new Uint8Array(Math.max(before.length, handle.position + added.length));
    total.set(before);
    total.set(added, handle.position);
    handle.position += added.length;
    files.write(handle.name, total);
    call.info(`+QFWRITE: ${String(added.length)},${String(total.length)}`);
    call.ok();
  };
  call.collect(new UploadSink({ scheduler, call, size, timeoutMs, acknowledges: false, done }));
});

const seek = withHandle((call, _module, handle, bytes) => {
  call.args.atMost(3);
  const offset = call.args.integer(1, 0, 4_294_967_295);
  const origin = call.args.integer(2, 0, 2, 0);
  const from = origin === 0 ? 0 : origin === 1 ? handle.position : bytes.length;
  if (from + offset > bytes.length) {
    call.cme(code.larger);
    return;
  }
  handle.position = from + offset;
  call.ok();
});

/** FILE Application Note. These commands answer +CME ERROR. */
export const fileCommands: CommandTable<Bg95Module> = {
  "+QFUPL": { test: ["+QFUPL: <filename>[,(1-<freesize>)[,(1-65535)[,(0,1)]]]"], write: upload },
  "+QFDWL": { test: ["+QFDWL: <filename>"], write: download },
  "+QFLST": { test: ["+QFLST: <filename>"], execute: list, write: list },
  "+QFLDS": { test: ["+QFLDS: <name>"], execute: space, write: space },
  "+QFDEL": { test: ["+QFDEL: <filename>"], write: remove },
  "+QFOPEN": { test: ["+QFOPEN: <filename>[,(0-2)]"], write: open },
  "+QFREAD": { test: ["+QFREAD: <filehandle>[,<length>]"], write: read },
  "+QFWRITE": { test: ["+QFWRITE: <filehandle>[,<length>[,<timeout>]]"], write: write },
  "+QFSEEK": { test: ["+QFSEEK: <filehandle>,<offset>[,<position>]"], write: seek },
  "+QFPOSITION": {
    test: ["+QFPOSITION: <filehandle>"],
    write: withHandle((call, _module, handle) => {
      call.info(`+QFPOSITION: ${String(handle.position)}`);
      call.ok();
    }),
  },
  "+QFTUCAT": {
    test: ["+QFTUCAT: <filehandle>"],
    write: withHandle((call, module, handle, bytes) => {
      module.files.write(handle.name, bytes.subarray(0, handle.position));
      call.ok();
    }),
  },
  "+QFCLOSE": {
    test: ["+QFCLOSE: <filehandle>"],
    write: (call, module) => {
      if (module.files.close(call.args.integer(0, 0, 4_294_967_295))) call.ok();
      else call.cme(code.badHandle);
    },
  },
};
