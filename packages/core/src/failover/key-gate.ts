/**
 * Keeps moves of a key away from its writes: a delete that was owed, or the drop of a copy that was healed, must not
 * take what a put has stored meanwhile. Writes run beside each other; the stores order those.
 */
export interface KeyGate {
  /** Waits for a move of any of the keys to end, and holds off new ones while it runs. */
  write<T>(keys: readonly string[], work: () => Promise<T>): Promise<T>
  /** Runs with no write of the key under way; `undefined`: there is one, not now. */
  move<T>(key: string, work: () => Promise<T>): Promise<T | undefined>
}

export function createKeyGate(): KeyGate {
  const writers = new Map<string, number>()
  const moves = new Map<string, Promise<unknown>>()
  const leave = (key: string): void => {
    const left = (writers.get(key) ?? 1) - 1
    if (left === 0) writers.delete(key)
    else writers.set(key, left)
  }
  return {
    async write(keys, work) {
      // Counted first: a move that has not begun lets the write go first.
      for (const key of keys) writers.set(key, (writers.get(key) ?? 0) + 1)
      try {
        for (const key of keys) await moves.get(key)
        return await work()
      } finally {
        for (const key of keys) leave(key)
      }
    },
    async move(key, work) {
      if (writers.has(key) || moves.has(key)) return undefined
      const moving = work()
      const ended = moving.then(ignore, ignore)
      moves.set(key, ended)
      try {
        return await moving
      } finally {
        moves.delete(key)
      }
    },
  }
}

function ignore(): void {}
