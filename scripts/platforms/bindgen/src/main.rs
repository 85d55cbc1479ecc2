//! `bindgen MODULE FOLDER`: the JavaScript, its types and the module without what only they need, for the web.

use std::env;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [module, folder] = args.as_slice() else { bail!("usage: bindgen MODULE FOLDER") };
    // The path: of the module beside the JavaScript, where nobody names another.
    Bindgen::new().input_path(module).web(true)?.typescript(true).omit_default_module_path(false).generate(folder)
}
