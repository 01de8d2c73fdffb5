import { describeObjectStore } from '../vitest.ts'
import { memoryHarness } from './memory-harness.ts'

describeObjectStore('memoryStore', memoryHarness())
