import { constants } from 'node:fs'
import type { FsCalls } from '@mediakeep/adapters/fs'

/** What a sync is for, told by what it covers. */
export type SyncPurpose =
  | 'object file'
  | 'shard after publish'
  | 'shard after delete'
  | 'shards of a new volume'
  | 'marker file'
  | 'root after marker'
  | 'name of the root'

/** Calls that answer "done" to one kind of sync without making it. */
export function withoutSync(fs: FsCalls, without: SyncPurpose): FsCalls {
  const paths = new Map<number, string>()
  const lastChange = new Map<string, 'added' | 'removed'>()
  const changed = (path: string, how: 'added' | 'removed'): void => {
    lastChange.set(path.slice(0, path.lastIndexOf('/')), how)
  }
  const purposeOf = (fd: number): SyncPurpose | undefined => {
    const path = paths.get(fd) ?? ''
    if (/\/objects\/..$/.test(path))
      return lastChange.get(path) === 'removed' ? 'shard after delete' : 'shard after publish'
    if (/\/objects\/..\/|\/staging\//.test(path)) return 'object file'
    if (path.endsWith('/objects')) return 'shards of a new volume'
    if (path === '/') return 'name of the root'
    return path.includes('~') ? 'marker file' : 'root after marker'
  }
  const sync =
    (name: 'fsync' | 'fdatasync'): FsCalls['fsync'] =>
    (fd, done) => {
      if (purposeOf(fd) === without) done(null)
      else fs[name](fd, done)
    }
  return {
    ...fs,
    open: (path, flags, mode, done) =>
      fs.open(path, flags, mode, (error, fd) => {
        if (fd !== undefined) paths.set(fd, path)
        done(error, fd)
      }),
    openSync(path, flags) {
      const fd = fs.openSync(path, flags)
      paths.set(fd, path)
      return fd
    },
    rename(from, to, done) {
      changed(to, 'added')
      fs.rename(from, to, done)
    },
    unlink(path, done) {
      if (!path.includes('~')) changed(path, 'removed')
      fs.unlink(path, done)
    },
    fsync: sync('fsync'),
    fdatasync: sync('fdatasync'),
  }
}

/** Calls that give an object its name and sync that, and only then the bytes: while the caller goes on. */
export function renamingFirst(fs: FsCalls): FsCalls {
  const due = new Set<string>()
  const ignore = (): void => {}
  const syncLate = (): void => {
    for (const path of due) {
      due.delete(path)
      fs.open(path, constants.O_RDONLY, 0, (_, fd) => {
        if (fd !== undefined) fs.fdatasync(fd, () => fs.close(fd, ignore))
      })
    }
  }
  return {
    ...fs,
    fdatasync: (_fd, done) => done(null),
    rename: (from, to, done) =>
      fs.rename(from, to, (error) => {
        due.add(to)
        done(error)
      }),
    fsync: (fd, done) =>
      fs.fsync(fd, (error) => {
        done(error)
        syncLate()
      }),
  }
}
