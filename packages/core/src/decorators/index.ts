export type { CircuitOptions, CircuitReport, CircuitState } from './circuit.ts'
export { decorateStore, decoratorTableOf } from './decorate-store.ts'
export {
  added,
  type DecoratorTable,
  forwarded,
  type MemberRule,
  OBJECT_STORE_MEMBERS,
  rewritten,
  withheld,
} from './rules.ts'
export { createSlots, type Slots, type SlotsOptions } from './slots.ts'
export {
  type CircuitBreakerStore,
  type WithCircuitBreakerOptions,
  withCircuitBreaker,
} from './with-circuit-breaker.ts'
export { type LimitedStore, type WithLimitOptions, withLimit } from './with-limit.ts'
export { type WithMeterOptions, withMeter } from './with-meter.ts'
export { withPrefix } from './with-prefix.ts'
export { type WithRetryOptions, withRetry } from './with-retry.ts'
