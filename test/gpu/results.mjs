/** The lines that the suite prints, and how many of each kind there were. */
export class Results {
  passed = 0;
  failed = 0;
  skipped = 0;

  /**
   * Runs one check. It throws where something is wrong; what it gives is shown beside its name.
   *
   * @param {string} name
   * @param {() => Promise<string | undefined>} work
   */
  async check(name, work) {
    try {
      const figure = await work();
      this.passed++;
      console.log(`ok       ${name}${figure === undefined ? "" : `: ${figure}`}`);
    } catch (error) {
      this.failed++;
      console.log(`FAILED   ${name}: ${error?.code ?? ""} ${error?.message ?? error}`);
    }
  }

  /** @param {string} name @param {string} reason */
  skip(name, reason) {
    this.skipped++;
    console.log(`skipped  ${name}: ${reason}`);
  }

  get summary() {
    return `${this.passed} ok, ${this.failed} failed, ${this.skipped} skipped`;
  }
}
