export {
  anything,
  type Check,
  type ChecksOf,
  falseOr,
  isFunction,
  membersOf,
  numberFrom,
  oneOf,
  valueThat,
} from './checks.ts'
export { badOption, refuseBadOptions } from './refuse.ts'
export { type OptionNames, refuseUnknown } from './unknown-option.ts'
