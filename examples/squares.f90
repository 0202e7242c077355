! SPDX-License-Identifier: BSD-3-Clause
!
! From Fortran, by iso_c_binding: a subprogram with bind(c) is a task.
module squares_task
    use, intrinsic :: iso_c_binding
    implicit none
contains
    function square(task, item, res) bind(c) result(rc)
        type(c_ptr), value :: task, item, res
        integer(c_int) :: rc
        real(c_double), pointer :: x, y
        call c_f_pointer(item, x)
        call c_f_pointer(res, y)
        y = x * x
        rc = 0
        if (.not. c_associated(task)) rc = -1
    end function square
end module squares_task

program squares
    use squares_task
    implicit none
    interface
        function yoke_open(on, err) bind(c) result(session)
            import :: c_ptr
            type(c_ptr), value :: on, err
            type(c_ptr) :: session
        end function yoke_open
        function yoke_map(session, fn, items, n, item_size, results, result_size, opts, err) bind(c) result(rc)
            import :: c_ptr, c_funptr, c_int, c_int64_t, c_size_t
            type(c_ptr), value :: session, items, results, opts, err
            type(c_funptr), value :: fn
            integer(c_int64_t), value :: n
            integer(c_size_t), value :: item_size, result_size
            integer(c_int) :: rc
        end function yoke_map
        subroutine yoke_close(session) bind(c)
            import :: c_ptr
            type(c_ptr), value :: session
        end subroutine yoke_close
    end interface

    type(c_ptr) :: session
    real(c_double), target :: items(1000), results(1000)
    integer :: i
    items = [(real(i - 1, c_double), i = 1, 1000)]
    session = yoke_open(c_null_ptr, c_null_ptr)
    if (.not. c_associated(session)) error stop 'no session'
    if (yoke_map(session, c_funloc(square), c_loc(items), 1000_c_int64_t, 8_c_size_t, c_loc(results), 8_c_size_t, &
                 c_null_ptr, c_null_ptr) < 0) error stop 'map failed'
    call yoke_close(session)
    print '(i0)', nint(sum(results), c_int64_t)
end program squares
