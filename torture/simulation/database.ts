import { type Catalog, MediaError } from '@mediakeep/core'
import type { Random } from '@mediakeep/testkit'
import type { Owner, Scheduler } from './scheduler.ts'

/** How often the way to the database server fails, of all calls. */
export interface Weather {
  troubledRatio: number
}

export interface ConnectOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly owner: Owner
  readonly weather: Weather
}

/**
 * A host's connection to the database server: calls arrive and are answered when the scheduler says so.
 * In bad weather one is lost on its way, its answer is lost after the commit, or it arrives after its caller has given up.
 * By reflection, so that no member of the contract can be forgotten.
 */
export function connect(catalog: Catalog, { scheduler, random, owner, weather }: ConnectOptions): Catalog {
  const call = (member: string, run: () => Promise<unknown>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (owner.state === 'dead') return
      const lost = (): void =>
        reject(
          new MediaError('MEDIA_UNAVAILABLE', `the connection was lost in ${member}`, { reason: 'lost' }),
        )
      const fate = random.next() < weather.troubledRatio ? random.integer(0, 3) : 3
      let answer: Promise<unknown> | undefined
      const effect = (): void => {
        answer = run()
        answer.catch(() => {}) // heard below, or by nobody when its caller is gone
      }
      const deliver = (): void => {
        if (owner.state === 'dead') return
        if (fate < 3 || answer === undefined) lost()
        else answer.then(resolve, reject)
      }
      if (fate === 2) scheduler.add({ owner, effect: undefined, deliver: lost, outlives: false })
      const early = fate !== 0 && fate !== 2 && random.next() < 0.5
      if (early) effect()
      scheduler.add({
        owner,
        effect: early || fate === 0 ? undefined : effect,
        deliver: fate === 2 ? () => {} : deliver,
        outlives: true,
      })
    })
  return new Proxy(catalog, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      const name = String(property)
      return (...args: unknown[]): unknown => {
        const run = (): Promise<unknown> => Promise.resolve(Reflect.apply(member, target, args))
        return name === 'open' || name === 'close' || typeof property === 'symbol' ? run() : call(name, run)
      }
    },
  })
}
