/** Which objects leave a room of limited bytes, and which come in. Pure: no I/O, no clock, the same answers each time. */
export {
  type AdmitDecision,
  createEvictionPolicy,
  type EvictionOptions,
  type EvictionPolicy,
} from './policy.ts'
export type { EvictionSetting } from './setting.ts'
