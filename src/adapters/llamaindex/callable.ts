/** A class whose instances are functions: `new` gives `call`, with the members of the class. */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- it is there to be extended
export class Callable<Call extends (...values: never[]) => unknown> {
  constructor(call: Call) {
    // What a constructor returns is the `this` of the classes that extend it, so that their fields and private members are
    // the function's.
    return Object.setPrototypeOf(call, new.target.prototype) as this;
  }
}
