export type { HealedObject } from './heal.ts'
export {
  type FailoverEvent,
  type FailoverStore,
  type FailoverStoreOptions,
  failoverStore,
  type MemberHealth,
} from './store.ts'
