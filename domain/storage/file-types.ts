export interface FileType { label: string; suffixes: readonly string[]; ignoreCase?: boolean }
export const defaultFileTypes: readonly FileType[] = [];
export const lurgeFileTypes: readonly FileType[] = [];
