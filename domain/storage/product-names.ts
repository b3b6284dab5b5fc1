/** What can be made of a scan, in the order in which it is loaded and listed. */
export const productNames = ['groups', 'users', 'directories', 'ages', 'vault', 'split'] as const;
export type ProductName = (typeof productNames)[number];

/** In the order of `productNames`, each once. */
export const inOrder = (products: Iterable<ProductName>): ProductName[] => {
  const wanted = new Set(products);
  return productNames.filter((each) => wanted.has(each));
};
