import { OperationError } from '../../../domain/errors.ts';
import { productNames, type ProductName } from '../../../domain/storage/product-names.ts';

/** The value of `--products`: names separated by commas. */
export function productsOf(text: string, allowed: readonly ProductName[] = productNames): ProductName[] {
  const asked = text.split(',').map((each) => each.trim());
  const strange = asked.find((each) => !allowed.some((name) => name === each));
  if (strange !== undefined) throw new OperationError('ContractError', `--products has “${strange}”: expected some of ${allowed.join(', ')}.`);
  return allowed.filter((name) => asked.includes(name));
}
