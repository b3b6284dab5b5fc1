export const ageBands: readonly { label: string; minimumSeconds: number }[] = [];
