import { describeResourceStates } from '../vitest.ts'
import { memoryStatesHarness } from './memory-harness.ts'

describeResourceStates('memoryStates', memoryStatesHarness())
