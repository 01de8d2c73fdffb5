export { checkClaim, checkExtend, checkStateKey, leaseLost, settledStateOf } from './checks.ts'
export { type MemoryStatesOptions, memoryStates } from './memory-states.ts'
export {
  createStateTable,
  type StateSubscriber,
  type StateTable,
  type StateTableOptions,
} from './state-table.ts'
export {
  type LoadingEntry,
  type SettledEntry,
  type StateContext,
  type StateEntry,
  type StateEvent,
  type StateStep,
  stateOf,
  transition,
} from './transition.ts'
