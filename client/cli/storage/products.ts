import { productNames, type ProductName } from '../../../domain/storage/product-names.ts';
import { someOf } from '../options.ts';

/** The value of `--products`, in the order of `allowed`. */
export function productsOf(text: string, allowed: readonly ProductName[] = productNames): ProductName[] {
  const asked = someOf('--products', text, allowed);
  return allowed.filter((name) => asked.includes(name));
}
