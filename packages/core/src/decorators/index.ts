export { decorateStore, decoratorTableOf } from './decorate-store.ts'
export {
  type DecoratorTable,
  forwarded,
  type MemberRule,
  OBJECT_STORE_MEMBERS,
  rewritten,
  withheld,
} from './rules.ts'
export { withPrefix } from './with-prefix.ts'
