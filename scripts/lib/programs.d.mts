/** Where programs are looked for. */
export declare function pathFolders(): string[]
/** The program in the first of the folders that has one to run; undefined when none has. */
export declare function findProgram(name: string, folders?: readonly string[]): string | undefined
