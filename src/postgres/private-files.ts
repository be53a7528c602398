// PGlite makes its files through emscripten's view of Node's file system, which lets everyone read and write them. This
// makes them its user's alone (docs/security.md 45).
import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeFS } from '@electric-sql/pglite/nodefs'

/** What groups and others may do. */
const OTHERS = 0o077

type Attributes = { mode?: number }
type NodeFileSystem = {
  setattr: (path: unknown, node: unknown, attributes: Attributes, ...rest: unknown[]) => void
  node_ops: { mknod: (parent: unknown, name: string, mode: number, device: number) => unknown }
}

const withoutOthers = (attributes: Attributes): Attributes =>
  attributes.mode === undefined ? attributes : { ...attributes, mode: attributes.mode & ~OTHERS }

const patch = (system: NodeFileSystem): void => {
  const { setattr } = system
  const { mknod } = system.node_ops
  system.setattr = (path, node, attributes, ...rest) =>
    setattr(path, node, withoutOthers(attributes), ...rest)
  system.node_ops.mknod = (parent, name, mode, device) => mknod(parent, name, mode & ~OTHERS, device)
}

/** Makes PGlite create its files in `fs` for this user alone. */
export const keepFilesPrivate = (fs: NodeFS): NodeFS => {
  const init = fs.init.bind(fs)
  fs.init = async (pg, options) => {
    const { emscriptenOpts } = await init(pg, options)
    const preRun = [
      ({ FS }: { FS: { filesystems: { NODEFS: NodeFileSystem } } }) => patch(FS.filesystems.NODEFS),
      ...(emscriptenOpts.preRun ?? []),
    ]
    return { emscriptenOpts: { ...emscriptenOpts, preRun } }
  }
  return fs
}

/** Takes the rights of others from an existing folder, which may be restored or made under another umask. */
export const makePrivate = async (folder: string): Promise<void> => {
  await chmod(folder, 0o700)
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600)
  }
}
