//! The state that Triton keeps for us with each model and each instance.
#![expect(unsafe_code, reason = "Triton keeps a bare pointer")]

use crate::status::ApiError;
use std::ffi::c_void;
use std::ptr::null_mut;

/// What Triton keeps a state with.
///
/// # Safety
/// [`Self::pointer`] gives what [`Self::set_pointer`] was last given, null before; nobody else calls either.
pub(crate) unsafe trait Keeper {
    /// What is kept.
    type State;
    /// What is wrong when there is none.
    const MISSING: &'static str;

    /// What Triton keeps.
    fn pointer(&self) -> Result<*mut c_void, ApiError>;

    /// Has Triton keep a pointer, behind which it never looks.
    fn set_pointer(&self, pointer: *mut c_void) -> Result<(), ApiError>;

    /// Gives Triton the state to keep.
    fn set_state(&self, state: Self::State) -> Result<(), ApiError> {
        self.set_pointer(Box::into_raw(Box::new(state)).cast())
    }

    fn state(&self) -> Result<&Self::State, ApiError> {
        let state = self.pointer()?.cast::<Self::State>();
        // SAFETY: the pointer is null or that of `set_state`, which is freed by `end_state`, and not before.
        unsafe { state.as_ref() }.ok_or_else(|| ApiError::internal(Self::MISSING))
    }

    /// Takes the state back, and ends it.
    ///
    /// # Safety
    /// Nobody uses the state any more.
    unsafe fn end_state(&self) -> Result<(), ApiError> {
        let state = self.pointer()?.cast::<Self::State>();
        self.set_pointer(null_mut())?;
        if !state.is_null() {
            // SAFETY: the pointer is that of `set_state`, nobody uses it any more, and Triton has forgotten it.
            drop(unsafe { Box::from_raw(state) });
        }
        Ok(())
    }
}
