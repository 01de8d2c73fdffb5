import { setImmediate as nextTurn } from 'node:timers/promises'
import { isMediaError } from '@mediakeep/core'
import { over, type StatesMutant } from './mutant.ts'

/** Listeners that are told too little, too early or too long, and handles that do not close. */
export const subscriberMutants: readonly StatesMutant[] = [
  {
    id: 'tells-others-only',
    fault: 'a handle is not told of its own changes',
    convictedBy: ['subscribe.own', 'subscribe.stop'],
    break(states) {
      let isOwn = false
      return over(states, {
        async invalidate(keys) {
          isOwn = true
          const done = states.invalidate(keys)
          isOwn = false
          await done
        },
        subscribe: (listener, options) =>
          states.subscribe((keys) => (isOwn ? undefined : listener(keys)), options),
      })
    },
  },
  {
    id: 'tells-first',
    fault: 'listeners are told before the change',
    convictedBy: ['subscribe.after'],
    break: (states, table) =>
      over(states, {
        async invalidate(keys) {
          table.tell(keys)
          await nextTurn()
          await states.invalidate(keys)
        },
      }),
  },
  {
    id: 'cannot-stop',
    fault: 'a listener that was stopped is told on',
    convictedBy: ['subscribe.stop'],
    break: (states) =>
      over(states, {
        subscribe(listener, options) {
          states.subscribe(listener, options)
          return () => {}
        },
      }),
  },
  {
    id: 'listener-fails-the-call',
    fault: 'what a listener throws is thrown by the change',
    convictedBy: ['subscribe.throws'],
    break(states) {
      let thrown: Error | undefined
      return over(states, {
        subscribe: (listener, options) =>
          states.subscribe((keys) => {
            try {
              listener(keys)
            } catch (error) {
              thrown = new Error('a listener threw', { cause: error })
            }
          }, options),
        async settle(lease, to) {
          await states.settle(lease, to)
          if (thrown !== undefined) throw thrown
        },
      })
    },
  },
  {
    id: 'no-gaps',
    fault: 'gaps are not told',
    convictedBy: ['subscribe.gap'],
    break: (states) =>
      over(states, { subscribe: (listener) => states.subscribe(listener, { onGap: () => {} }) }),
  },
  {
    id: 'closed-is-unknown',
    fault: 'a closed handle knows nothing, instead of refusing',
    convictedBy: ['close.then-calls'],
    break: (states) =>
      over(states, {
        read: (keys) =>
          states.read(keys).catch((error: unknown) => {
            if (isMediaError(error, 'MEDIA_CLOSED')) return keys.map(() => undefined)
            throw error
          }),
      }),
  },
  {
    id: 'close-leaves-listeners',
    fault: 'subscriptions outlive their handle',
    convictedBy: ['close.ends-subscriptions', 'subscribe.own'],
    break: (states, table) =>
      over(states, {
        subscribe(listener, { onGap }) {
          const subscriber = { onChange: listener, onGap }
          table.subscribers.add(subscriber)
          return () => void table.subscribers.delete(subscriber)
        },
      }),
  },
]
