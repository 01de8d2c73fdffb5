/** What was said of so many names at most, those named last. */
export interface Generations<Value> {
  get(name: string): Value | undefined
  set(name: string, value: Value): void
  delete(name: string): void
}

/** Two generations of half the size: the older one goes as a whole, so that nothing is searched for. */
export function createGenerations<Value>(maxNames: number): Generations<Value> {
  const half = Math.max(1, Math.floor(maxNames / 2))
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  return {
    get: (name) => young.get(name) ?? old.get(name),
    set(name, value) {
      old.delete(name)
      young.set(name, value)
      if (young.size <= half) return
      old = young
      young = new Map()
    },
    delete(name) {
      young.delete(name)
      old.delete(name)
    },
  }
}
