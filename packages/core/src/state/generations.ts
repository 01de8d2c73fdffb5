/** Values by key, at most about `maxEntries` of them; those not touched for longest go first. */
export interface Generations<Value> {
  readonly size: number
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  clear(): void
}

/**
 * Two maps, the younger and the older half. When the younger is full it becomes the older one, and what is still in the
 * older one is dropped with it: no order to keep, and a drop costs nothing, where taking the first key of one large map
 * costs a walk over all that was deleted before it.
 */
export function createGenerations<Value>(maxEntries: number): Generations<Value> {
  const halfEntries = Math.max(Math.ceil(maxEntries / 2), 1)
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()

  const set = (key: string, value: Value): void => {
    old.delete(key)
    young.set(key, value)
    if (young.size < halfEntries) return
    old = young
    young = new Map()
  }
  return {
    get size() {
      return young.size + old.size
    },
    get(key) {
      const found = young.get(key)
      if (found !== undefined) return found
      const older = old.get(key)
      if (older !== undefined) set(key, older)
      return older
    },
    set,
    delete(key) {
      young.delete(key)
      old.delete(key)
    },
    clear() {
      young = new Map()
      old = new Map()
    },
  }
}
