import { MediaError } from '../errors/media-error.ts'

/** A process that ends at a chosen call of what lives longer than it does. */
export interface Life {
  /** Calls so far. */
  step: number
  readonly endsAt: number
  /** Whether the last call still has its effect. */
  readonly takesEffect: boolean
  isOver: boolean
}

export function createLife(endsAt: number, takesEffect: boolean): Life {
  return { step: 0, endsAt, takesEffect, isOver: false }
}

const NESTED = new Set(['create', 'createWriter', 'finish'])

/** The same object, whose asynchronous calls end with the process. What it answers that has calls of its own ends with it too. */
export function mortal<T extends object>(target: T, life: Life): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object)
      if (name === 'staging' && typeof value === 'object' && value !== null) return mortal(value, life)
      if (typeof value !== 'function' || typeof name === 'symbol') return value
      return (...args: unknown[]): unknown => {
        const call = (): unknown => Reflect.apply(value, object, args)
        if (name === 'open' && 'sizeBytes' in object) return call() // bytes of a body that is staged
        if (name === 'observe' || name === 'follow') return call()
        return underLife(life, call, NESTED.has(name))
      }
    },
  })
}

async function underLife(life: Life, call: () => unknown, isNested: boolean): Promise<unknown> {
  if (life.isOver) throw dead()
  life.step += 1
  if (life.step === life.endsAt) {
    life.isOver = true
    if (life.takesEffect) await call()
    throw dead()
  }
  const answer = await call()
  if (life.isOver) throw dead()
  return isNested && typeof answer === 'object' && answer !== null ? mortal(answer, life) : answer
}

function dead(): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', 'the process has ended', { reason: 'dead' })
}
